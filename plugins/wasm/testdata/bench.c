// What BenchmarkMetering measures: a hash, all arithmetic in a hot loop, and a decision, which is branches, small calls
// and strings.
#include <stdint.h>

static const uint32_t k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
    0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
    0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
    0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
    0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
    0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint8_t text[64 * 64];

static uint32_t turn(uint32_t x, int n) { return x >> n | x << (32 - n); }

static void block(uint32_t h[8], const uint8_t *p) {
  uint32_t w[64], s[8];
  for (int i = 0; i < 16; i++) w[i] = (uint32_t)p[4 * i] << 24 | p[4 * i + 1] << 16 | p[4 * i + 2] << 8 | p[4 * i + 3];
  for (int i = 16; i < 64; i++) {
    uint32_t a = turn(w[i - 15], 7) ^ turn(w[i - 15], 18) ^ w[i - 15] >> 3, b = turn(w[i - 2], 17) ^ turn(w[i - 2], 19) ^ w[i - 2] >> 10;
    w[i] = w[i - 16] + a + w[i - 7] + b;
  }
  for (int i = 0; i < 8; i++) s[i] = h[i];
  for (int i = 0; i < 64; i++) {
    uint32_t a = s[7] + (turn(s[4], 6) ^ turn(s[4], 11) ^ turn(s[4], 25)) + ((s[4] & s[5]) ^ (~s[4] & s[6])) + k[i] + w[i];
    uint32_t b = (turn(s[0], 2) ^ turn(s[0], 13) ^ turn(s[0], 22)) + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
    for (int j = 7; j > 0; j--) s[j] = s[j - 1];
    s[4] += a;
    s[0] = a + b;
  }
  for (int i = 0; i < 8; i++) h[i] += s[i];
}

// sha256 hashes n blocks of 64 bytes.
uint32_t sha256(uint32_t n) {
  uint32_t h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  for (uint32_t i = 0; i < n; i++) block(h, text + 64 * i);
  return h[0];
}

struct rule {
  const char *brand;
  int32_t year, amount;
};

static const struct rule rules[] = {{"meizu", 2011, 700}, {"meizu", 2009, 500}, {"samsung", 2011, 400}, {"nokia", 2010, 300},
                                    {"htc", 2011, 350},   {"zte", 2012, 100},   {"huawei", 2012, 250},  {"", 0, 50}};

static __attribute__((noinline)) int same(const char *a, const char *b) {
  while (*a && *a == *b) a++, b++;
  return *a == *b;
}

static __attribute__((noinline)) int32_t amount(const char *brand, int32_t year) {
  for (unsigned i = 0; i < sizeof rules / sizeof *rules; i++) {
    if (!*rules[i].brand) return rules[i].amount;
    if (same(rules[i].brand, brand) && year >= rules[i].year) return rules[i].amount;
  }
  return 0;
}

// decide looks up the amounts of n old phones.
uint32_t decide(uint32_t n) {
  static const char *const brands[] = {"meizu", "nokia", "sony", "huawei", "zte", "htc one"};
  uint32_t total = 0;
  for (uint32_t i = 0; i < n; i++) {
    int32_t each = amount(brands[i % 6], 2008 + (int32_t)(i % 5));
    if (each > 300 && total > 1000) each = 300;
    total += (uint32_t)each;
  }
  return total;
}
