"""How a deployment stands, on a page in the terminal."""
