interface I { void f(in java.util.List<java.lang.String> l, in android.os.ParcelFileDescriptor p); }
