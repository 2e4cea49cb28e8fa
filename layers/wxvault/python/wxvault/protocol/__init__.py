"""WeChat's protocol as pure functions and values: no input, no output, no clock."""
