// hex_text reads hexadecimal digits.

#ifndef ECHPROXY_KEYS_HEX_TEXT_H
#define ECHPROXY_KEYS_HEX_TEXT_H

// hex_text_digit returns the value of a digit in either case, or -1.
int hex_text_digit(char c);

#endif
