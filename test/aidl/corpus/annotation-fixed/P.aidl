@FixedSize parcelable P { int a; E b; byte[3] c; long[2][2] d; F e; F[2] f; U g; boolean h; char i; enum E { A } @FixedSize parcelable F { double x; } @FixedSize union U { int a; long b; } }
