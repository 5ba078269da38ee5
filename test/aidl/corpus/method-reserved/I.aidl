interface I { int getInterfaceVersion(); }
