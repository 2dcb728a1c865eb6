// Go's net/http does a plan: see lib.sh.
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

type step struct {
	method, path, file string
	status             int
	chunked            bool
}

var (
	url, folder             string
	client                  *http.Client
	requests, wrong, opened int64
)

func main() {
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		panic(err)
	}
	url, folder = os.Args[2], os.Args[3]
	workers, err := strconv.Atoi(os.Args[4])
	if err != nil {
		panic(err)
	}
	// By default it keeps two idle connections for a host, and dials beside one that is about to be free.
	transport := &http.Transport{MaxIdleConnsPerHost: workers, MaxConnsPerHost: workers, DialContext: dial}
	client = &http.Client{Transport: transport, Timeout: 20 * time.Second}

	steps := make(chan step)
	var done sync.WaitGroup
	for i := 0; i < workers; i++ {
		done.Add(1)
		go func() {
			defer done.Done()
			for s := range steps {
				work(s)
			}
		}()
	}
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		steps <- parse(line)
	}
	close(steps)
	done.Wait()
	transport.CloseIdleConnections()
	fmt.Printf("requests=%d wrong=%d opened=%d\n", requests, wrong, opened)
}

// A connection dialled for one request may first carry another's, so they are counted here and not where they are used.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err == nil {
		atomic.AddInt64(&opened, 1)
	}
	return conn, err
}

func parse(line string) step {
	parts := strings.Split(line, "\t")
	status, err := strconv.Atoi(parts[1])
	if err != nil {
		panic(err)
	}
	return step{parts[0], parts[2], filepath.Join(folder, parts[3]), status, parts[4] == "chunked"}
}

func work(s step) {
	if s.method == "PAUSE" {
		time.Sleep(time.Duration(s.status) * time.Second)
		return
	}
	atomic.AddInt64(&requests, 1)
	if err := exchange(s); err != nil {
		atomic.AddInt64(&wrong, 1)
		fmt.Printf("wrong: %+v: %v\n", s, err)
	}
}

func exchange(s step) error {
	var content io.Reader
	if s.method == "PUT" {
		bytesOf, err := os.ReadFile(s.file)
		if err != nil {
			return err
		}
		content = bytes.NewReader(bytesOf)
		if s.chunked {
			content = io.MultiReader(content) // hides the length
		}
	}
	request, err := http.NewRequest(s.method, url+s.path, content)
	if err != nil {
		return err
	}
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	received, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	return judge(s, answer, received)
}

func judge(s step, answer *http.Response, received []byte) error {
	if answer.StatusCode != s.status {
		return fmt.Errorf("status %d", answer.StatusCode)
	}
	if s.status != http.StatusOK {
		return nil
	}
	expected, err := os.ReadFile(s.file)
	if err != nil {
		return err
	}
	if s.method == "HEAD" && (len(received) != 0 || answer.ContentLength != int64(len(expected))) {
		return fmt.Errorf("length %d, %d bytes", answer.ContentLength, len(received))
	}
	if s.method == "GET" && !bytes.Equal(received, expected) {
		return fmt.Errorf("other bytes, %d of them", len(received))
	}
	return nil
}
