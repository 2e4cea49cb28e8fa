"""wxvault keeps the secrets of a WeChat third-party platform durable, sealed and fresh."""
