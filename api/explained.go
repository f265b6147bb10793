package api

import "hotdrop/core"

// explanation is what there is to say about a code, whatever it happened to: the page of the problem, the document and, for
// what is refused to shoppers, the text of the problem itself are made of it.
type explanation struct {
	code    core.Code
	refusal bool // shoppers meet it: their problems carry what and next as text
	title   core.Text
	what    core.Text // what happened
	next    core.Text // what to do now
}

// written is an explanation as problems carry it, so that a refusal in the rush is copied and not made.
type written struct {
	*explanation

	kind string // the problem's type
	text *Text  // nil for what no shopper reads
	json []byte // text, rendered
}

// known is every explanation by its code.
//
//nolint:gochecknoglobals // a constant, which maps cannot be
var known = write(explanations)

func write(rows []explanation) map[core.Code]*written {
	byCode := make(map[core.Code]*written, len(rows))
	for i := range rows {
		row := &written{explanation: &rows[i], kind: "/problems/" + string(rows[i].code)}
		if row.refusal {
			row.text = &Text{core.Text{EN: row.what.EN + " " + row.next.EN, ZH: row.what.ZH + row.next.ZH}}
			row.json = appendText(nil, &row.text.Text)
		}
		byCode[row.code] = row
	}
	return byCode
}
