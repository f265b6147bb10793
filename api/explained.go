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
			row.text = &Text{row.told()}
			row.json = appendText(nil, &row.text.Text)
		}
		byCode[row.code] = row
	}
	return byCode
}

// told is what a shopper reads of the code. Where what to do now is said in the words of whoever writes a client, the shopper,
// who has only the client, has words of its own.
func (e *explanation) told() core.Text {
	switch e.code {
	case core.CodeInvalid:
		return both(
			"Something that was entered is not as it has to be. Look at it again and correct it, then try again.",
			"填写的内容有误。请检查并改正后再试。",
		)
	case core.CodeNotFound:
		return both("There is no such thing, or it is not yours. Go back and look again.", "该内容不存在，或不属于您。请返回后重新查看。")
	case core.CodeIdempotencyMissing:
		return both(
			"This shop sent the request without what keeps it from being done twice, so nothing was done. Reload the page and try again.",
			"请求缺少防止重复提交的标识，因此没有做任何更改。请刷新页面后再试。",
		)
	case CodeUnauthorized:
		return both("You are not signed in, or no longer. Sign in and try again.", "您尚未登录，或登录已失效。请登录后再试。")
	default:
		return core.Text{EN: e.what.EN + " " + e.next.EN, ZH: e.what.ZH + e.next.ZH}
	}
}
