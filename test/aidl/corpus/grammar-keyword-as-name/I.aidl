interface I { void in(); }
