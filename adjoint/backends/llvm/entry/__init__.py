"""How a Python call reaches native code and comes back."""
