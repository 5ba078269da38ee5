parcelable A rust_type "g::h" ndk_header "f.h" cpp_header "e.h";
