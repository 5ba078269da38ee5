@JavaPassthrough(annotation="@A") @JavaPassthrough(annotation="@B") interface I { @JavaPassthrough(annotation="@A") @JavaPassthrough(annotation="@A") void f(); }
