"""Sources in C of the optional native module, and the program that compiles them; see docs/adr/0067."""
