// render CHART RELEASE [VALUES.yaml]... - what `helm template` makes of a chart.
//
// Helm itself is in no registry that the tests install from.  Its engine is
// Go's text/template with the functions of sprig and a few more, and so is
// this; values come as JSON has them, as in Helm: numbers are float64.  There
// are no subcharts, hooks or `lookup` here, and a function that Helm does not
// have is no more to be had than there.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig"
	"gopkg.in/yaml.v3"
)

type object = map[string]interface{}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "render:", err)
		os.Exit(1)
	}
}

// asJSON is the value of a YAML text, with JSON's types.
func asJSON(text []byte) object {
	var value interface{}
	must(yaml.Unmarshal(text, &value))
	encoded, err := json.Marshal(value)
	must(err)
	found := object{}
	must(json.Unmarshal(encoded, &found))
	return found
}

// merge puts values over those of below: maps by their names, others whole.
func merge(below, values object) {
	for name, value := range values {
		inner, isMap := value.(object)
		outer, wasMap := below[name].(object)
		switch {
		case value == nil:
			delete(below, name)
		case isMap && wasMap:
			merge(outer, inner)
		default:
			below[name] = value
		}
	}
}

func toYAML(value interface{}) (string, error) {
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	err := encoder.Encode(value)
	return strings.TrimSuffix(out.String(), "\n"), err
}

func functions(all *template.Template) template.FuncMap {
	found := sprig.TxtFuncMap()
	for _, absent := range []string{"env", "expandenv"} {
		delete(found, absent)
	}
	found["toYaml"] = toYAML
	found["include"] = func(name string, data interface{}) (string, error) {
		var out strings.Builder
		err := all.ExecuteTemplate(&out, name, data)
		return out.String(), err
	}
	found["required"] = func(why string, value interface{}) (interface{},
		error) {
		if value == nil || value == "" {
			return nil, fmt.Errorf("%s", why)
		}
		return value, nil
	}
	return found
}

func read(path string) []byte {
	text, err := os.ReadFile(path)
	must(err)
	return text
}

func main() {
	chart, release := os.Args[1], os.Args[2]
	values := asJSON(read(filepath.Join(chart, "values.yaml")))
	for _, path := range os.Args[3:] {
		merge(values, asJSON(read(path)))
	}
	about := object{}
	for name, value := range asJSON(read(filepath.Join(chart,
		"Chart.yaml"))) {
		about[strings.ToUpper(name[:1])+name[1:]] = value
	}
	data := object{"Values": values, "Chart": about, "Release": object{
		"Name": release, "Namespace": "default", "Service": "Helm"}}

	all := template.New("chart").Option("missingkey=zero")
	all.Funcs(functions(all))
	paths, err := filepath.Glob(filepath.Join(chart, "templates", "*"))
	must(err)
	for _, path := range paths {
		_, err := all.New(filepath.Base(path)).Parse(string(read(path)))
		must(err)
	}
	for _, path := range paths {
		var out strings.Builder
		name := filepath.Base(path)
		must(all.ExecuteTemplate(&out, name, data))
		text := strings.ReplaceAll(out.String(), "<no value>", "")
		if strings.HasSuffix(name, ".yaml") && strings.TrimSpace(text) != "" {
			fmt.Printf("---\n# Source: %s\n%s\n", name, text)
		}
	}
}
