interface I { int getInterfaceVersion(int a); String getTransactionName(long a); }
