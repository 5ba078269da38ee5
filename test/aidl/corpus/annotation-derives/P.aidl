@JavaDerive(toString=true, equals=true) @RustDerive(Copy=true, Clone=true, PartialEq=true) parcelable P { int x; }
