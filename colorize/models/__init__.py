"""The networks, their files, and what is known of them without torch."""
