"""A finished run made again from its folder, and what differs named."""
