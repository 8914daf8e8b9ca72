"""The model held against what real systems did: ``wavetank verify``."""
