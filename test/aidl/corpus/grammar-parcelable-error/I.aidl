parcelable + ; interface I { void f(); }
