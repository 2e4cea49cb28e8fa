"""Stand-ins for what a desk does not have: WeChat itself, and the stack around the functions."""
