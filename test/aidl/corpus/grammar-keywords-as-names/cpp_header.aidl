interface cpp_header { void ndk_header(int rust_type); const int cpp_header = 1; const int rust_type = cpp_header; parcelable ndk_header { int cpp_header; int ndk_header = 2; int rust_type; } }
