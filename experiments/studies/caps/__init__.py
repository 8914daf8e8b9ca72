"""What each cap costs the innocent, and what it saves."""
