"""What runs inside the emulator's own process, on the packages of ``.venv-ministack`` only.

Nothing in here may import anything but the standard library and the emulator.
"""
