"""The pages a merchant sees: values in, HTML out, nothing else.

No page loads anything from elsewhere; every text is escaped by the element it is put in.
"""

from wxvault.runtime.pages.context import PageContext
from wxvault.runtime.pages.error import error_page
from wxvault.runtime.pages.launch import launch_page, onward_page
from wxvault.runtime.pages.result import result_page

__all__ = ["PageContext", "error_page", "launch_page", "onward_page", "result_page"]
