package console

import "golang.org/x/text/language"

// words are all that the console's page says, in one language.
type words struct {
	Title, Console                      string
	Person, Role, Brand, EveryBrand     string
	Ends, SignIn, SignOut, Welcome      string
	NoLogin, DemoKeys, Docs             string
	notBegun, declined, away, unproven  string
	nobody, noRole, tooMany, unfinished string
	crossSite, notAsked                 string
}

func english() words {
	return words{
		Title: "hotdrop console", Console: "Console",
		Person: "Signed in as", Role: "Role", Brand: "Brand", EveryBrand: "every brand", Ends: "Session ends",
		SignIn: "Sign in", SignOut: "Sign out", Welcome: "You are not signed in. Sign in with the account of your organisation.",
		NoLogin:    "Nobody signs in here: this deployment has no identity provider for staff. Programs and the command line send an API key:",
		DemoKeys:   "The keys of the demo stand in demo-keys.json in its data folder; the banner of `hotdrop serve --demo` names the path.",
		Docs:       "API documentation",
		notBegun:   "This login was not begun in this browser, or too long ago. Sign in again.",
		declined:   "The identity provider did not let you in. Sign in again, or ask whoever runs it.",
		away:       "The identity provider does not answer at the moment. Try again in a few seconds.",
		unproven:   "What the identity provider answered could not be verified. Sign in again; if it stays, tell whoever runs this server.",
		nobody:     "The identity provider does not vouch for your name or email. Ask whoever runs it to verify it, then sign in again.",
		noRole:     "You are known, but nothing gives you a role here. Ask whoever runs this server.",
		tooMany:    "You have too many sessions and keys. End one of them, or wait until one ends, then sign in again.",
		unfinished: "That could not be written down at the moment. Try again in a few seconds.",
		crossSite:  "The request came from another site, or from a browser that does not say from where. Nothing was changed.",
		notAsked: "Another site, or a browser that does not say from where, asked to sign you in anew. " +
			"Your session goes on as it is. To change your role, sign out first.",
	}
}

func chinese() words {
	return words{
		Title: "hotdrop 控制台", Console: "控制台",
		Person: "当前员工", Role: "角色", Brand: "品牌", EveryBrand: "所有品牌", Ends: "会话结束时间",
		SignIn: "登录", SignOut: "退出登录", Welcome: "您尚未登录，请使用所在组织的账号登录。",
		NoLogin:    "此处无法登录：该部署没有为员工配置身份提供方。程序和命令行请使用 API 密钥：",
		DemoKeys:   "演示环境的密钥保存在其数据目录的 demo-keys.json 中，启动 hotdrop serve --demo 时会显示路径。",
		Docs:       "接口文档",
		notBegun:   "此次登录不是在这个浏览器中发起的，或已超时。请重新登录。",
		declined:   "身份提供方没有允许您登录。请重新登录，或联系其管理员。",
		away:       "身份提供方暂时没有响应，请几秒钟后重试。",
		unproven:   "身份提供方的应答无法通过验证。请重新登录；如仍失败，请联系服务器管理员。",
		nobody:     "身份提供方没有确认您的名称或邮箱。请联系其管理员完成验证后重新登录。",
		noRole:     "已确认您的身份，但没有为您分配角色。请联系服务器管理员。",
		tooMany:    "您的会话和密钥过多。请结束其中一个，或等待其到期后重新登录。",
		unfinished: "暂时无法保存，请几秒钟后重试。",
		crossSite:  "请求来自其他网站，或浏览器没有说明来源。没有做任何更改。",
		notAsked:   "其他网站（或没有说明来源的浏览器）要求您重新登录。当前会话保持不变。如需更换角色，请先退出登录。",
	}
}

// spoken returns what the console says to somebody who reads these languages (Accept-Language), and the language.
func spoken(accepts string) (words, language.Tag) {
	languages := []language.Tag{language.English, language.Chinese}
	if _, chosen := language.MatchStrings(language.NewMatcher(languages), accepts); languages[chosen] == language.Chinese {
		return chinese(), language.Chinese
	}
	return english(), language.English
}
