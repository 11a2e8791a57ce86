"""The commands of ``nst-engine``, one module each: ``add_parser`` declares one, ``parsed.command`` runs it."""
