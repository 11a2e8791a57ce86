"""What the plug-ins for GIMP 3 and 2.10 both run. Understood by Python 2.7 and 3."""
