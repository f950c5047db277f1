"""Each library's transport behind httpx's interface, as well served as the library allows."""
