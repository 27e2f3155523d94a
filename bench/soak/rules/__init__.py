"""The judge's rules: each is handed a finished world and names what is wrong in it, in words."""
