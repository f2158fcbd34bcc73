"""From the network's logits to ab: pure functions, arrays in and arrays out."""
