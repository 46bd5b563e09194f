"""Pictures: bytes ↔ tensors, in their own colours and depth."""
