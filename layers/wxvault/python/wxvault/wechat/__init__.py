"""The HTTP adapter to WeChat: the only place that knows its paths."""
