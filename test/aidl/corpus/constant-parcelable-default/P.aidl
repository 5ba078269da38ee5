parcelable P { parcelable N { int x; } N a = 1; }
