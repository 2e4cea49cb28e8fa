"""Which permission sets (权限集) grant which of WeChat's paths, as far as that is known. Pure.

WeChat's 61007 says that a set is missing, and not which. One of several sets is enough: the same
path belongs to one set for official accounts and to another for mini programs.
Page: product/third_party_authority_instructions and the pages of the single sets.
"""

from __future__ import annotations

from typing import Final

_SETS: Final[dict[str, tuple[int, ...]]] = {
    "/bizwifi": (10,),
    "/card": (8,),
    "/cgi-bin/account/getaccountbasicinfo": (3, 30),
    "/cgi-bin/account/modifyheadimage": (30,),
    "/cgi-bin/account/modifysignature": (30,),
    "/cgi-bin/customservice": (1, 19),
    "/cgi-bin/express": (45,),
    "/cgi-bin/express/local": (51,),
    "/cgi-bin/guide": (54,),
    "/cgi-bin/material": (11,),
    "/cgi-bin/media": (1, 11, 19),
    "/cgi-bin/menu": (15,),
    "/cgi-bin/message/custom": (1, 19),
    "/cgi-bin/message/mass": (7,),
    "/cgi-bin/message/template": (7,),
    "/cgi-bin/open": (24, 25),
    "/cgi-bin/open/have": (3, 30),
    "/cgi-bin/poi": (13,),
    "/cgi-bin/qrcode": (3,),
    "/cgi-bin/tags": (2,),
    "/cgi-bin/template": (7,),
    "/cgi-bin/user": (2,),
    "/cgi-bin/wxaapp/createwxaqrcode": (17,),
    "/cgi-bin/wxopen/wxamplink": (33,),
    "/cgi-bin/wxopen/wxampunlink": (33,),
    "/cgi-bin/wxverify/checkwxverifynickname": (31,),
    "/customservice": (6,),
    "/scan": (9,),
    "/shakearound": (12,),
    "/tcb": (49,),
    "/wxa/commit": (18,),
    "/wxa/get_auditstatus": (18,),
    "/wxa/get_category": (18,),
    "/wxa/get_latest_auditstatus": (18,),
    "/wxa/get_qrcode": (18,),
    "/wxa/getwxacode": (17,),
    "/wxa/getwxacodeunlimit": (17,),
    "/wxa/modify_domain": (18,),
    "/wxa/plugin": (40,),
    "/wxa/release": (18,),
    "/wxa/sec/order": (142,),
    "/wxa/setnickname": (30,),
    "/wxa/submit_audit": (18,),
    "/wxa/undocodeaudit": (18,),
    "/wxaapi/broadcast": (52,),
}
KNOWN_PATHS: Final = tuple(_SETS)


def sets_for(path: str) -> tuple[int, ...]:
    """Return the numbers of the sets one of which a path needs; empty where nobody knows."""
    tree = path
    while tree:
        if tree in _SETS:
            return _SETS[tree]
        tree = tree.rpartition("/")[0]
    return ()
