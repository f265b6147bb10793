package money

import (
	"fmt"
	"strconv"
	"strings"
)

// The active codes of ISO 4217 by the number of their decimal digits. Codes without minor units of their own (metals,
// testing, special drawing rights) are not currencies that anything is sold in.
const (
	digits0 = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF "
	digits2 = "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD " +
		"CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ " +
		"GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK " +
		"MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB " +
		"SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN " +
		"UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG "
	digits3 = "BHD IQD JOD KWD LYD OMR TND "
	digits4 = "CLF UYW "
)

// Exponent returns the number of decimal digits of the currency's minor unit (2 for CNY: 100 fen are a yuan), and
// whether the code is an active one of ISO 4217, in capitals.
func Exponent(code string) (int, bool) {
	switch {
	case has(digits2, code):
		return 2, true
	case has(digits0, code):
		return 0, true
	case has(digits3, code):
		return 3, true
	case has(digits4, code):
		return 4, true
	default:
		return 0, false
	}
}

// has reports whether the table of space-terminated codes contains the code.
func has(table, code string) bool {
	return len(code) == 3 && !strings.Contains(code, " ") && strings.Contains(table, code+" ")
}

// Format renders an amount for people who read logs and tables: "1799.00 CNY", "-5 JPY". An unknown currency is
// rendered in its minor units and says so.
func Format(amount int64, currency string) string {
	exponent, known := Exponent(currency)
	if !known {
		return fmt.Sprintf("%d minor units of %q", amount, currency)
	}
	return decimal(amount, exponent) + " " + currency
}

// FormatChinese renders an amount as a Chinese sentence has it: yuan by their name, "1799.00 元", every other currency by
// its code, as [Format] does.
func FormatChinese(amount int64, currency string) string {
	if currency == "CNY" {
		return decimal(amount, 2) + " 元"
	}
	return Format(amount, currency)
}

// decimal writes an amount of minor units in units with so many digits behind the point.
func decimal(amount int64, exponent int) string {
	digits := strconv.FormatUint(magnitude(amount), 10)
	if missing := exponent + 1 - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	point := len(digits) - exponent
	if exponent > 0 {
		digits = digits[:point] + "." + digits[point:]
	}
	if amount < 0 {
		digits = "-" + digits
	}
	return digits
}
