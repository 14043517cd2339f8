"""The records, hooks and classes with which a plugin declares and implements its parts."""
