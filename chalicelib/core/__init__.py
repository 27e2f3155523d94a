"""The rules of the house: plain values and pure functions, standard library only."""
