interface I { @UnsupportedAppUsage const int A = 1; @JavaPassthrough(annotation="@A") @SuppressWarnings(value={"const-name"}) const @utf8InCpp String b = "x"; }
