interface I { void @nullable f(); }
