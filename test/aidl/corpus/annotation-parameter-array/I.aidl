@SuppressWarnings(value="x") interface I { }
