// The M/M/c model of kernel.mjs on std::priority_queue: what a plain program in C++ reaches.
// Arguments: servers, utilisation, customers, seed. Prints events, mean wait in the queue, and processor seconds.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <deque>
#include <queue>
#include <vector>

namespace {

struct Event {
  double at;
  uint64_t serial;
  int kind;
};

struct Later {
  bool operator()(const Event &a, const Event &b) const {
    return a.at != b.at ? a.at > b.at : a.serial > b.serial;
  }
};

// xoshiro128**, as the simulator's
struct Random {
  uint32_t s[4];
  explicit Random(uint32_t seed) {
    for (uint32_t &word : s) {
      seed += 0x9e3779b9u;
      uint32_t mixed = (seed ^ (seed >> 16)) * 0x21f0aaadu;
      mixed = (mixed ^ (mixed >> 15)) * 0x735a2d97u;
      word = mixed ^ (mixed >> 15);
    }
  }
  static uint32_t rotated(uint32_t value, int by) { return (value << by) | (value >> (32 - by)); }
  double unit() {
    const uint32_t result = rotated(s[1] * 5, 7) * 9;
    const uint32_t shifted = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotated(s[3], 11);
    return (result + 0.5) / 4294967296.0;
  }
  double exponential(double mean) { return -mean * std::log(unit()); }
};

}  // namespace

int main(int argc, char **argv) {
  if (argc != 5) return 1;
  const int servers = std::atoi(argv[1]);
  const double utilisation = std::atof(argv[2]);
  const long customers = std::atol(argv[3]);
  Random random(static_cast<uint32_t>(std::atol(argv[4])));
  const double gap = 1.0 / (utilisation * servers);
  std::priority_queue<Event, std::vector<Event>, Later> events;
  uint64_t serial = 0, happened = 0;
  std::deque<double> waiting;
  int busy = 0;
  long arrived = 0;
  double waited = 0, now = 0;
  const std::clock_t from = std::clock();
  events.push({0, serial++, 0});
  while (!events.empty()) {
    const Event event = events.top();
    events.pop();
    now = event.at;
    ++happened;
    if (event.kind == 0) {
      ++arrived;
      if (busy < servers) {
        ++busy;
        events.push({now + random.exponential(1), serial++, 1});
      } else {
        waiting.push_back(now);
      }
      if (arrived < customers) events.push({now + random.exponential(gap), serial++, 0});
    } else if (waiting.empty()) {
      --busy;
    } else {
      waited += now - waiting.front();
      waiting.pop_front();
      events.push({now + random.exponential(1), serial++, 1});
    }
  }
  const double seconds = static_cast<double>(std::clock() - from) / CLOCKS_PER_SEC;
  std::printf("{\"events\": %llu, \"meanWait\": %.6f, \"cpuSeconds\": %.6f}\n",
              static_cast<unsigned long long>(happened), waited / customers, seconds);
  return 0;
}
