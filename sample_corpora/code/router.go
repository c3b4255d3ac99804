// Command router is a tiny HTTP router with named path segments.
//
//	GET  /bridges            all bridges
//	GET  /bridges/{name}     one bridge
//	POST /bridges/{name}     add a bridge; the body is its length in metres
//
// Names need not be ASCII: "/bridges/Århus" works too (Å is U+00C5).
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	maxBody  = 1 << 10 // bytes
	teapot   = 0x1A2   // 418, for a path nobody should ask for
	greeting = "hello from \"router\"\n\ttry /bridges\n"
)

var errNotFound = errors.New("no such bridge")

type params map[string]string
type handler func(w http.ResponseWriter, r *http.Request, p params) error

type route struct {
	method string
	parts  []string
	do     handler
}

type router struct{ routes []route }

func (rt *router) handle(method, pattern string, do handler) {
	rt.routes = append(rt.routes, route{method, split(pattern), do})
}

func split(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
}

func match(want, got []string) (params, bool) {
	if len(want) != len(got) {
		return nil, false
	}
	p := params{}
	for i, w := range want {
		switch {
		case strings.HasPrefix(w, "{") && strings.HasSuffix(w, "}"):
			p[w[1:len(w)-1]] = got[i]
		case w != got[i]:
			return nil, false
		}
	}
	return p, true
}

func (rt *router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	defer func() { log.Printf("%-5s %q %v", r.Method, r.URL.Path, time.Since(start)) }()

	got := split(r.URL.Path)
	for _, route := range rt.routes {
		p, ok := match(route.parts, got)
		if !ok || route.method != r.Method {
			continue
		}
		if err := route.do(w, r, p); err != nil {
			status := http.StatusBadRequest
			if errors.Is(err, errNotFound) {
				status = http.StatusNotFound
			}
			http.Error(w, err.Error(), status)
		}
		return
	}
	http.NotFound(w, r)
}

type store struct {
	mu      sync.RWMutex
	bridges map[string]float64
}

func (s *store) list(w http.ResponseWriter, _ *http.Request, _ params) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	names := make([]string, 0, len(s.bridges))
	for name := range s.bridges {
		names = append(names, name)
	}
	sort.Strings(names)
	return json.NewEncoder(w).Encode(names)
}

func (s *store) get(w http.ResponseWriter, _ *http.Request, p params) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	length, ok := s.bridges[p["name"]]
	if !ok {
		return fmt.Errorf("%q: %w", p["name"], errNotFound)
	}
	return json.NewEncoder(w).Encode(map[string]any{"name": p["name"], "metres": length})
}

func (s *store) put(w http.ResponseWriter, r *http.Request, p params) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return err
	}
	length, err := strconv.ParseFloat(strings.TrimSpace(string(body)), 64)
	if err != nil || !(length > 0) {
		return fmt.Errorf("%q is not a length", body)
	}
	s.mu.Lock()
	s.bridges[p["name"]] = length
	s.mu.Unlock()
	w.WriteHeader(http.StatusCreated)
	return nil
}

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "where to listen")
	flag.Parse()

	s := &store{bridges: map[string]float64{"Old Ford": 31.5, "Mill Lane": 12}}
	rt := &router{}
	rt.handle("GET", "/", func(w http.ResponseWriter, _ *http.Request, _ params) error {
		_, err := io.WriteString(w, greeting)
		return err
	})
	rt.handle("GET", "/bridges", s.list)
	rt.handle("GET", "/bridges/{name}", s.get)
	rt.handle("POST", "/bridges/{name}", s.put)
	rt.handle("GET", "/coffee", func(w http.ResponseWriter, _ *http.Request, _ params) error {
		w.WriteHeader(teapot)
		return nil
	})
	log.Fatal(http.ListenAndServe(*addr, rt))
}
