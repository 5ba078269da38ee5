parcelable P { @Backing(type="long") enum E { A } @FixedSize parcelable F { int x; } @JavaDerive(equals=true) union U { int a; } }
