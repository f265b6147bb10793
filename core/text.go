package core

import (
	"bytes"
	"encoding/json"
)

// Text is a text for people in the languages of the product. In files it is a plain string (English) or {en, zh}.
type Text struct {
	EN string `json:"en,omitempty" yaml:"en"`
	ZH string `json:"zh,omitempty" yaml:"zh"`
}

// In returns the text in the language ("zh" or anything else), falling back to the other one.
func (t Text) In(language string) string {
	if (language == "zh" && t.ZH != "") || t.EN == "" {
		return t.ZH
	}
	return t.EN
}

// IsZero reports whether the text is empty in every language.
func (t Text) IsZero() bool { return t == Text{} }

// MarshalJSON renders a text that exists in English only as a string.
func (t Text) MarshalJSON() ([]byte, error) {
	if t.ZH == "" {
		return json.Marshal(t.EN)
	}
	type languages Text
	return json.Marshal(languages(t))
}

// UnmarshalJSON accepts a string or {en, zh}; another key is an error.
func (t *Text) UnmarshalJSON(data []byte) error {
	*t = Text{}
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, &t.EN)
	}
	type languages Text
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	return decoder.Decode((*languages)(t))
}
