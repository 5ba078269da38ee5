interface I { oneway int f(); }
