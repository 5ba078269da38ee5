package p; interface I { void ÿþ(); }
