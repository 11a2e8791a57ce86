"""Picture files ⇄ arrays."""
