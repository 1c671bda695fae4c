"""Countries and provinces by the names people type.

Pure tables, so that a spelling never depends on what happens to be installed. Sub-national names are known for the
United States and Canada only: those are the two countries for which Meta and Snapchat ask for a code.
"""

from __future__ import annotations

import re
import unicodedata

# ISO 3166-1 (alpha-2, alpha-3, short English name), 249 entries as of 2026-11, and XK, which Kosovo uses.
_ISO_3166 = """
AD AND Andorra; AE ARE United Arab Emirates; AF AFG Afghanistan; AG ATG Antigua and Barbuda; AI AIA Anguilla;
AL ALB Albania; AM ARM Armenia; AO AGO Angola; AQ ATA Antarctica; AR ARG Argentina; AS ASM American Samoa;
AT AUT Austria; AU AUS Australia; AW ABW Aruba; AX ALA Åland Islands; AZ AZE Azerbaijan;
BA BIH Bosnia and Herzegovina; BB BRB Barbados; BD BGD Bangladesh; BE BEL Belgium; BF BFA Burkina Faso;
BG BGR Bulgaria; BH BHR Bahrain; BI BDI Burundi; BJ BEN Benin; BL BLM Saint Barthélemy; BM BMU Bermuda;
BN BRN Brunei; BO BOL Bolivia; BQ BES Bonaire; BR BRA Brazil; BS BHS Bahamas; BT BTN Bhutan;
BV BVT Bouvet Island; BW BWA Botswana; BY BLR Belarus; BZ BLZ Belize; CA CAN Canada; CC CCK Cocos Islands;
CD COD Democratic Republic of the Congo; CF CAF Central African Republic; CG COG Congo; CH CHE Switzerland;
CI CIV Côte d'Ivoire; CK COK Cook Islands; CL CHL Chile; CM CMR Cameroon; CN CHN China; CO COL Colombia;
CR CRI Costa Rica; CU CUB Cuba; CV CPV Cabo Verde; CW CUW Curaçao; CX CXR Christmas Island; CY CYP Cyprus;
CZ CZE Czechia; DE DEU Germany; DJ DJI Djibouti; DK DNK Denmark; DM DMA Dominica; DO DOM Dominican Republic;
DZ DZA Algeria; EC ECU Ecuador; EE EST Estonia; EG EGY Egypt; EH ESH Western Sahara; ER ERI Eritrea;
ES ESP Spain; ET ETH Ethiopia; FI FIN Finland; FJ FJI Fiji; FK FLK Falkland Islands; FM FSM Micronesia;
FO FRO Faroe Islands; FR FRA France; GA GAB Gabon; GB GBR United Kingdom; GD GRD Grenada; GE GEO Georgia;
GF GUF French Guiana; GG GGY Guernsey; GH GHA Ghana; GI GIB Gibraltar; GL GRL Greenland; GM GMB Gambia;
GN GIN Guinea; GP GLP Guadeloupe; GQ GNQ Equatorial Guinea; GR GRC Greece; GS SGS South Georgia;
GT GTM Guatemala; GU GUM Guam; GW GNB Guinea-Bissau; GY GUY Guyana; HK HKG Hong Kong;
HM HMD Heard Island and McDonald Islands; HN HND Honduras; HR HRV Croatia; HT HTI Haiti; HU HUN Hungary;
ID IDN Indonesia; IE IRL Ireland; IL ISR Israel; IM IMN Isle of Man; IN IND India;
IO IOT British Indian Ocean Territory; IQ IRQ Iraq; IR IRN Iran; IS ISL Iceland; IT ITA Italy; JE JEY Jersey;
JM JAM Jamaica; JO JOR Jordan; JP JPN Japan; KE KEN Kenya; KG KGZ Kyrgyzstan; KH KHM Cambodia;
KI KIR Kiribati; KM COM Comoros; KN KNA Saint Kitts and Nevis; KP PRK North Korea; KR KOR South Korea;
KW KWT Kuwait; KY CYM Cayman Islands; KZ KAZ Kazakhstan; LA LAO Laos; LB LBN Lebanon; LC LCA Saint Lucia;
LI LIE Liechtenstein; LK LKA Sri Lanka; LR LBR Liberia; LS LSO Lesotho; LT LTU Lithuania; LU LUX Luxembourg;
LV LVA Latvia; LY LBY Libya; MA MAR Morocco; MC MCO Monaco; MD MDA Moldova; ME MNE Montenegro;
MF MAF Saint Martin; MG MDG Madagascar; MH MHL Marshall Islands; MK MKD North Macedonia; ML MLI Mali;
MM MMR Myanmar; MN MNG Mongolia; MO MAC Macao; MP MNP Northern Mariana Islands; MQ MTQ Martinique;
MR MRT Mauritania; MS MSR Montserrat; MT MLT Malta; MU MUS Mauritius; MV MDV Maldives; MW MWI Malawi;
MX MEX Mexico; MY MYS Malaysia; MZ MOZ Mozambique; NA NAM Namibia; NC NCL New Caledonia; NE NER Niger;
NF NFK Norfolk Island; NG NGA Nigeria; NI NIC Nicaragua; NL NLD Netherlands; NO NOR Norway; NP NPL Nepal;
NR NRU Nauru; NU NIU Niue; NZ NZL New Zealand; OM OMN Oman; PA PAN Panama; PE PER Peru;
PF PYF French Polynesia; PG PNG Papua New Guinea; PH PHL Philippines; PK PAK Pakistan; PL POL Poland;
PM SPM Saint Pierre and Miquelon; PN PCN Pitcairn; PR PRI Puerto Rico; PS PSE Palestine; PT PRT Portugal;
PW PLW Palau; PY PRY Paraguay; QA QAT Qatar; RE REU Réunion; RO ROU Romania; RS SRB Serbia; RU RUS Russia;
RW RWA Rwanda; SA SAU Saudi Arabia; SB SLB Solomon Islands; SC SYC Seychelles; SD SDN Sudan; SE SWE Sweden;
SG SGP Singapore; SH SHN Saint Helena; SI SVN Slovenia; SJ SJM Svalbard and Jan Mayen; SK SVK Slovakia;
SL SLE Sierra Leone; SM SMR San Marino; SN SEN Senegal; SO SOM Somalia; SR SUR Suriname; SS SSD South Sudan;
ST STP Sao Tome and Principe; SV SLV El Salvador; SX SXM Sint Maarten; SY SYR Syria; SZ SWZ Eswatini;
TC TCA Turks and Caicos Islands; TD TCD Chad; TF ATF French Southern Territories; TG TGO Togo;
TH THA Thailand; TJ TJK Tajikistan; TK TKL Tokelau; TL TLS Timor-Leste; TM TKM Turkmenistan; TN TUN Tunisia;
TO TON Tonga; TR TUR Turkey; TT TTO Trinidad and Tobago; TV TUV Tuvalu; TW TWN Taiwan; TZ TZA Tanzania;
UA UKR Ukraine; UG UGA Uganda; UM UMI United States Minor Outlying Islands; US USA United States;
UY URY Uruguay; UZ UZB Uzbekistan; VA VAT Vatican City; VC VCT Saint Vincent and the Grenadines;
VE VEN Venezuela; VG VGB British Virgin Islands; VI VIR US Virgin Islands; VN VNM Vietnam; VU VUT Vanuatu;
WF WLF Wallis and Futuna; WS WSM Samoa; YE YEM Yemen; YT MYT Mayotte; ZA ZAF South Africa; ZM ZMB Zambia;
ZW ZWE Zimbabwe; XK XKX Kosovo
"""

# What forms, shops and CRMs write instead: constituent countries, former names, and the own names of a few.
_ALSO = {
    "AE": "UAE; Emirates",
    "AT": "Österreich; Oesterreich",
    "BE": "Belgique; België",
    "BO": "Plurinational State of Bolivia",
    "CD": "DR Congo; DRC; Congo Kinshasa",
    "CG": "Congo Brazzaville; Republic of the Congo",
    "CH": "Schweiz; Suisse; Svizzera",
    "CI": "Ivory Coast",
    "CN": "People's Republic of China; Mainland China",
    "CV": "Cape Verde",
    "CZ": "Czech Republic",
    "DE": "Deutschland",
    "DK": "Danmark",
    "ES": "España",
    "FK": "Falklands",
    "GB": "UK; Great Britain; Britain; England; Scotland; Wales; Northern Ireland",
    "HK": "Hong Kong SAR",
    "IE": "Republic of Ireland; Eire",
    "IR": "Islamic Republic of Iran",
    "IT": "Italia",
    "KP": "Democratic People's Republic of Korea",
    "KR": "Korea; Republic of Korea",
    "LA": "Lao People's Democratic Republic",
    "MD": "Republic of Moldova",
    "MK": "Macedonia",
    "MM": "Burma",
    "MO": "Macau",
    "NL": "Holland; Nederland",
    "NO": "Norge",
    "PL": "Polska",
    "PS": "State of Palestine",
    "RU": "Russian Federation",
    "SE": "Sverige",
    "SY": "Syrian Arab Republic",
    "SZ": "Swaziland",
    "TL": "East Timor",
    "TR": "Türkiye",
    "TZ": "United Republic of Tanzania",
    "US": "United States of America; US of A; America",
    "VA": "Holy See; Vatican",
    "VN": "Viet Nam",
}

# Two-letter codes of the US Postal Service: states, the district, and the territories that carry ZIP codes.
_US = """
AL Alabama; AK Alaska; AZ Arizona; AR Arkansas; CA California; CO Colorado; CT Connecticut; DE Delaware; FL Florida;
GA Georgia; HI Hawaii; ID Idaho; IL Illinois; IN Indiana; IA Iowa; KS Kansas; KY Kentucky; LA Louisiana; ME Maine;
MD Maryland; MA Massachusetts; MI Michigan; MN Minnesota; MS Mississippi; MO Missouri; MT Montana; NE Nebraska;
NV Nevada; NH New Hampshire; NJ New Jersey; NM New Mexico; NY New York; NC North Carolina; ND North Dakota; OH Ohio;
OK Oklahoma; OR Oregon; PA Pennsylvania; RI Rhode Island; SC South Carolina; SD South Dakota; TN Tennessee; TX Texas;
UT Utah; VT Vermont; VA Virginia; WA Washington; WV West Virginia; WI Wisconsin; WY Wyoming;
DC District of Columbia; DC Washington DC; AS American Samoa; GU Guam; MP Northern Mariana Islands; PR Puerto Rico;
VI Virgin Islands; VI US Virgin Islands
"""

_CA = """
AB Alberta; BC British Columbia; MB Manitoba; NB New Brunswick; NL Newfoundland and Labrador; NL Newfoundland;
NS Nova Scotia; NT Northwest Territories; NU Nunavut; ON Ontario; PE Prince Edward Island; QC Quebec; SK Saskatchewan;
YT Yukon; YT Yukon Territory
"""

_WORD = re.compile(r"[^\W_]+")
_IDLE_WORDS = frozenset({"the", "of", "and"})


def name_key(text: str) -> str:
    """Reduce a place name to what its spellings have in common: no case, accents, punctuation or "the, of, and"."""
    bare = "".join(char for char in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(char))
    return "".join(word for word in _WORD.findall(bare) if word not in _IDLE_WORDS)


def _entries(table: str) -> list[str]:
    return [entry.strip() for entry in table.replace("\n", " ").split(";")]


def _countries() -> dict[str, str]:
    known: dict[str, str] = {}
    for entry in _entries(_ISO_3166):
        alpha2, alpha3, name = entry.split(" ", 2)
        known |= {alpha2.lower(): alpha2, alpha3.lower(): alpha2, name_key(name): alpha2}
    for alpha2, names in _ALSO.items():
        known |= {name_key(name): alpha2 for name in names.split(";")}
    return known


def _provinces(table: str) -> dict[str, str]:
    known: dict[str, str] = {}
    for entry in _entries(table):
        code, name = entry.split(" ", 1)
        known |= {code.lower(): code.lower(), name_key(name): code.lower()}
    return known


# By name_key: ISO alpha-2 in upper case; a province's code in lower case.
COUNTRIES = _countries()
US_STATES = _provinces(_US)
CA_PROVINCES = _provinces(_CA)
