interface = { void f(); }
