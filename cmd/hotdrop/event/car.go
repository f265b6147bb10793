package event

import "context"

func playCar(ctx context.Context, r *runner) error   { return nil }
func playGroup(ctx context.Context, r *runner) error { return nil }

type lottery struct{}

func (r *runner) repost(ctx context.Context) (*lottery, error) { return &lottery{}, nil }
func (l *lottery) draw(ctx context.Context) error              { return nil }
