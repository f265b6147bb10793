package main

import (
	"time"

	"github.com/spf13/cobra"

	"hotdrop/api"
)

// usualOrderLatency is within what a person who tapped still takes for an answer to the tap.
const usualOrderLatency = 500 * time.Millisecond

// limitFlags are the settings that say how often somebody may ask, by the flag of each.
func (s *serveSettings) limitFlags(limits *api.Limits) map[string]*api.Limit {
	return map[string]*api.Limit{
		"limit-shopper": &limits.Shopper, "limit-staff": &limits.Staff, "limit-address": &limits.Address, "limit-campaign": &limits.Campaign,
	}
}

// registerLimits adds the flags of limits and proxies.
func (s *serveSettings) registerLimits(cmd *cobra.Command) {
	cmd.Flags().TextVar(&s.proxies, "trusted-proxies", api.Proxies{},
		"networks of proxies whose X-Forwarded-For is believed, as 10.0.0.0/8,::1; behind \"Forwarded:\" their Forwarded is")
	cmd.Flags().DurationVar(&s.orderLatency, "order-latency", usualOrderLatency,
		"orders are refused at the door while the p99 of accepted ones would be over this; 0 accepts all")
	whose := map[string]string{
		"limit-shopper":  "how often one shopper may ask, as 10/s,burst 40; off for no limit (--demo: 200/s,burst 2000)",
		"limit-staff":    "how often one person of the staff may ask (--demo: 1000/s,burst 10000)",
		"limit-address":  "how often one address, or one /64 of IPv6, may ask (--demo: off)",
		"limit-campaign": "how many orders may be asked for in one campaign",
	}
	defaults := api.DefaultLimits()
	usual := s.limitFlags(&defaults)
	for name, limit := range s.limitFlags(&s.limits) {
		cmd.Flags().TextVar(limit, name, *usual[name], whose[name])
	}
}

// loosenLimits gives a demo limits of its own where nobody set others.
func (s *serveSettings) loosenLimits(cmd *cobra.Command) {
	if !s.demo {
		return
	}
	loose := api.DemoLimits()
	wide := s.limitFlags(&loose)
	for name, limit := range s.limitFlags(&s.limits) {
		if !cmd.Flags().Changed(name) {
			*limit = *wide[name]
		}
	}
}
